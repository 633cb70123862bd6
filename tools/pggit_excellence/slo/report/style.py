"""The look of the page: light, dark, on a phone, printed."""

STYLE = """
:root { color-scheme: light dark; --page: #f5f6f8; --card: #fff; --text: #1b1f24; --soft: #5b6470; --line: #d9dde3;
  --good: #1a7f4b; --bad: #c22f36; --warn: #a76a00; --none: #78818c; --accent: #2f6fd0; --second: #8a56c2; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1d2126; --text: #e6e9ed; --soft: #9aa4b0;
  --line: #343b44; --good: #4cc38a; --bad: #ff7b80; --warn: #e0a84c; --none: #8a939e; --accent: #78a9f5; --second:
  #c39bea; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, -apple-system, "Segoe UI",
  sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 4px; letter-spacing: -.01em; }
h2 { font-size: 1.15rem; margin: 36px 0 12px; }
h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
.soft { color: var(--soft); }
.lead { font-size: 1.1rem; margin: 18px 0 0; padding: 14px 18px; border-left: 5px solid var(--good); background:
  var(--card); border-radius: 6px; }
.lead.missed { border-color: var(--bad); } .lead.no_data { border-color: var(--none); }
.grid { display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 350px), 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px 18px; min-width:
  0; break-inside: avoid; }
.head { display: flex; gap: 10px; justify-content: space-between; align-items: baseline; }
.chip { font-size: .78rem; font-weight: 600; padding: 1px 9px; border-radius: 99px; border: 1px solid currentColor;
  white-space: nowrap; }
.met { color: var(--good); } .missed { color: var(--bad); } .no_data, .disabled { color: var(--none); }
.lead.met, .lead.missed, .lead.no_data { color: var(--text); }
.big { font-size: 1.75rem; font-weight: 650; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
.what { margin: 6px 0 10px; font-size: .9rem; color: var(--soft); overflow-wrap: anywhere; }
.bar { height: 8px; border-radius: 4px; background: var(--line); overflow: hidden; margin: 6px 0 4px;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.bar i { display: block; height: 100%; background: var(--good); border-radius: 4px; }
.bar i.warn { background: var(--warn); } .bar i.over { background: var(--bad); }
.small { font-size: .82rem; color: var(--soft); overflow-wrap: anywhere; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 8px 14px; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-size: .82rem; color: var(--soft); font-weight: 600; white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
td.n, th.n { text-align: right; white-space: nowrap; }
svg { display: block; width: 100%; height: auto; margin-top: 10px; }
svg text { font-family: system-ui, -apple-system, "Segoe UI", sans-serif; }
footer { margin-top: 36px; }
@media (max-width: 520px) { td .small { display: none; }
  main { padding: 18px 12px 32px; } th, td { padding: 7px 10px; } }
@media print { :root { color-scheme: light; --page: #fff; --card: #fff; --text: #000; --soft: #444; --line: #bbb;
  --good: #1a7f4b; --bad: #b3242b;
  --warn: #8a5800; --none: #666; --accent: #2f6fd0; --second: #8a56c2; } body { font-size: 11px; } main { max-width:
  none; padding: 0; }
  .grid { grid-template-columns: 1fr 1fr; } .scroll { overflow: visible; } h2 { break-after: avoid; } }
"""
