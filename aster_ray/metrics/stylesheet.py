"""The look of a report page: light and dark, wide and narrow, nothing loaded from anywhere."""

from __future__ import annotations

STYLE = """\
:root{--ink:#1b2430;--soft:#5c6b7a;--line:#dfe5ec;--back:#f5f7fa;--card:#fff;--main:#1f5fbf;
  --gain:#14804a;--loss:#c0392b;--hold:#9aa5b1}
@media (prefers-color-scheme:dark){:root{--ink:#e4e9ef;--soft:#93a1b0;--line:#2a3440;
  --back:#10151b;--card:#171e26;--main:#5b9bf3;--gain:#3fb97c;--loss:#ea6a5c;--hold:#6b7885}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:15px/1.45 system-ui,-apple-system,
  "Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1080px;margin:0 auto;padding:20px 14px 48px}
h1{font-size:1.5rem;margin:0}
h2{font-size:1.05rem;margin:0 0 10px}
p{margin:4px 0}
.soft{color:var(--soft);font-size:.88rem;overflow-wrap:anywhere}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:16px;
  margin-top:14px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(118px,1fr));gap:10px;
  margin-top:14px}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 12px}
.card b{display:block;font-size:1.15rem;font-weight:650;white-space:nowrap}
.card span{color:var(--soft);font-size:.82rem}
.gain{color:var(--gain);fill:var(--gain)}
.loss{color:var(--loss);fill:var(--loss)}
.alert{border-left:4px solid var(--loss)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.88rem}
th,td{padding:5px 8px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600}
th:first-child,td:first-child{text-align:left}
td.text{text-align:left;white-space:normal;overflow-wrap:anywhere}
.plot{position:relative;height:240px;margin:6px 0 26px 62px}
.plot.low{height:110px}
.plot svg{width:100%;height:100%;display:block;overflow:visible}
.plot span{position:absolute;color:var(--soft);font-size:.75rem;white-space:nowrap}
.plot .y{right:100%;transform:translateY(-50%);padding-right:7px}
.plot .x{top:100%;transform:translateX(-50%);padding-top:4px}
@media (max-width:620px){.plot .spare{display:none}}
.grid{stroke:var(--line);stroke-width:1;vector-effect:non-scaling-stroke}
.line{fill:none;stroke-width:1.6;vector-effect:non-scaling-stroke}
.area{opacity:.16;stroke:none}
.line.main{stroke:var(--main)}
.line.hold{stroke:var(--hold)}
.line.fall{stroke:var(--loss)}
.area.fall{fill:var(--loss)}
.key{font-size:.82rem;color:var(--soft)}
.key i{display:inline-block;width:16px;height:3px;margin:0 5px 3px 12px}
.bar{display:grid;grid-template-columns:minmax(84px,130px) 1fr minmax(84px,110px);gap:8px;
  align-items:center;padding:3px 0;font-size:.88rem}
.bar .track{position:relative;height:15px;background:var(--back);border-radius:3px}
.bar i{position:absolute;top:0;bottom:0;min-width:1px;border-radius:2px;background:var(--main)}
.bar i.gain{background:var(--gain)}
.bar i.loss{background:var(--loss)}
.bar .number{text-align:right}
.heat td{text-align:center}
details summary{cursor:pointer;font-weight:600}
pre{margin:8px 0 0;font-size:.8rem;white-space:pre-wrap;overflow-wrap:anywhere}
"""
