-- The criteria that a database has something to say about, in our own words, and what no query can show.
-- The numbers are those of the AICPA's Trust Services Criteria (2017, points of focus of 2022).
CREATE FUNCTION pggit_excellence._soc2_criteria()
RETURNS TABLE (criterion text, control text, manual text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 30
SET search_path = pg_catalog, pg_temp
AS $body$
    VALUES
    ('A1.1', 'Capacity is watched and planned, so that the promised availability can be kept',
     'Who looks at the forecasts, how often, and what was ordered because of them'),
    ('A1.2', 'Backups, replication and the environment protect data and service',
     'That backups are taken, encrypted and kept elsewhere; power, climate and fire protection of the site'),
    ('A1.3', 'Recovery is rehearsed',
     'Record of the last restore: date, time taken, data compared, who did it'),
    ('C1.1', 'Confidential data are known and kept from those who need not see them',
     'Which data are confidential and why; contracts; masking in test systems'),
    ('C1.2', 'Confidential data go when they are no longer to be kept',
     'The retention schedule; destruction of backups and media'),
    ('CC1-CC5', 'The organisation: integrity, oversight, communication, risk assessment, monitoring of controls, policies',
     'Everything: policies, minutes, organisation charts, training, risk register; a database knows none of it'),
    ('CC6.1', 'Only those who are identified and authorized reach the data',
     'That each login belongs to one person or service; multi-factor authentication in front of the database; custody of keys'),
    ('CC6.2', 'People and services are registered before they get a login, and lose it when they leave',
     'The tickets of joiners and leavers, matched with the changes of access listed here; the review, signed'),
    ('CC6.3', 'Rights follow the duty: least privilege, separated duties, changed when the duty changes',
     'The matrix of roles and duties; who approved each grant; the access review, signed'),
    ('CC6.4', 'Physical access to servers and media is restricted',
     'Everything: access to the data centre, or the provider''s own report'),
    ('CC6.5', 'Media and hardware leave only without readable data',
     'Everything: records of erased and destroyed media'),
    ('CC6.6', 'Threats from outside of the system''s boundary are kept out',
     'Firewalls, network zones, VPN, penetration tests'),
    ('CC6.7', 'Data on the move are protected, and moved by those who may',
     'Encryption of backups and exports; rules for laptops and removable media'),
    ('CC6.8', 'Software that nobody approved cannot run, and would be noticed',
     'Protection of the host against malware; approval of extensions and their sources'),
    ('CC7.1', 'Weak configurations and known vulnerabilities are looked for and mended',
     'Vulnerability scans of host and network; how quickly findings must be mended'),
    ('CC7.2', 'What is unusual is noticed',
     'That somebody receives the alerts; central collection of the logs'),
    ('CC7.3', 'Events are judged: is it an incident?',
     'The judgement on each event: who, when, with which result'),
    ('CC7.4', 'Incidents are answered by a plan',
     'The plan, the tickets, the lessons'),
    ('CC7.5', 'After an incident operation is restored and the cause removed',
     'Reports about incidents and what was changed because of them'),
    ('CC8.1', 'Changes are authorized, tested, approved and recorded',
     'Approval and test of each change: match a sample of the changes listed here with their tickets'),
    ('CC9', 'Risks of interruptions and of suppliers are managed',
     'Everything: insurance, contracts, reviews of suppliers'),
    ('PI1.1', 'What the data mean and how they are to be used is written down',
     'The data dictionary, definitions given to customers'),
    ('PI1.2', 'Input is complete and valid',
     'Checks in the applications that write'),
    ('PI1.3', 'Processing does what it should, and mistakes are found',
     'Reconciliations; tests of the applications'),
    ('PI1.4', 'Output reaches those it is for, complete and in time',
     'Checks of reports and interfaces'),
    ('PI1.5', 'Stored data stay complete and unchanged',
     'Comparison of restored backups')
$body$;
COMMENT ON FUNCTION pggit_excellence._soc2_criteria() IS
    'Internal: criteria with what each asks for and what stays to be shown by people, both in this project''s own words.';
