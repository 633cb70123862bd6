-- What burns its budget so fast that somebody must act?
SELECT objective, severity, long_window, long_burn_rate, short_burn_rate, burn_rate_threshold, long_events
FROM pggit_excellence.burn_alerts()
WHERE firing;
