"""The look of a report page: light and dark, wide and narrow, on paper; nothing loaded.

Gains are teal and losses orange: a pair that every kind of colour vision tells apart. A sign or a
shape always says the same as the colour.
"""

from __future__ import annotations

_COLOURS = """\
:root{color-scheme:light dark;--ink:#1b2430;--soft:#566473;--line:#dfe5ec;--back:#f5f7fa;
  --card:#fff;--main:#2457a8;--gain:#00756b;--loss:#b34700;--hold:#8a96a3;--median:#7a5c00;
  --c0:#2457a8;--c1:#b34700;--c2:#00756b;--c3:#8f2d7f;--c4:#7a5c00;--c5:#4f5b68}
@media (prefers-color-scheme:dark){:root{--ink:#e4e9ef;--soft:#a3b0bd;--line:#2a3440;
  --back:#10151b;--card:#171e26;--main:#7fb2ff;--gain:#3cc4b4;--loss:#f0965a;--hold:#7d8997;
  --median:#d9b84a;
  --c0:#7fb2ff;--c1:#f0965a;--c2:#3cc4b4;--c3:#e08ad0;--c4:#d9b84a;--c5:#b9c4cf}}
"""

_PAGE = """\
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--back);color:var(--ink);font:15px/1.45 system-ui,-apple-system,
  "Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1080px;margin:0 auto;padding:20px 14px 48px}
h1{font-size:1.5rem;margin:0;overflow-wrap:anywhere}
h2{font-size:1.08rem;margin:0 0 10px}
h3{font-size:.92rem;margin:16px 0 6px;font-weight:600}
p{margin:4px 0;overflow-wrap:anywhere}
figure{margin:0}
.soft{color:var(--soft);font-size:.86rem;overflow-wrap:anywhere}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px;
  margin-top:14px;scroll-margin-top:52px}
nav{position:sticky;top:0;z-index:5;display:flex;gap:4px;overflow-x:auto;margin:14px -14px 0;
  padding:8px 14px;background:var(--back);scrollbar-width:none}
nav a{color:var(--ink);text-decoration:none;white-space:nowrap;font-size:.8rem;padding:4px 10px;
  border:1px solid var(--line);border-radius:14px;background:var(--card)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(118px,1fr));gap:10px;
  margin-top:14px}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:10px}
.card b{display:block;font-size:1.1rem;font-weight:650;white-space:nowrap}
.card span{display:block;line-height:1.25;color:var(--soft);font-size:.8rem}
.gain{color:var(--gain)}
.loss{color:var(--loss)}
.alert{border-left:4px solid var(--loss)}
.doubt{border-left:4px solid var(--median)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.86rem}
th,td{padding:5px 8px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600}
th:first-child,td:first-child{text-align:left}
thead th{white-space:normal;vertical-align:bottom;line-height:1.2}
tr>:first-child{position:sticky;left:0;background:var(--card)}
.scroll+.scroll{margin-top:16px}
td small{display:block;color:var(--soft);font-size:.78rem}
td.text{text-align:left;white-space:normal;overflow-wrap:anywhere;min-width:150px}
abbr{position:relative;text-decoration:underline dotted;cursor:help}
abbr:focus::after{content:attr(title);position:absolute;right:0;top:1.5em;z-index:9;width:200px;
  padding:6px 8px;white-space:normal;text-align:left;font-size:.78rem;background:var(--ink);
  color:var(--card);border-radius:6px}
.heat td{text-align:center;min-width:50px}
.heat th{text-align:center}
.heat .total{font-weight:650}
details summary{cursor:pointer;font-weight:600;padding:6px 0}
pre{margin:8px 0 0;font-size:.8rem;white-space:pre-wrap;overflow-wrap:anywhere}
:focus-visible{outline:2px solid var(--main);outline-offset:1px}
"""

_CHARTS = """\
.plot{position:relative;height:250px;margin:8px 0 28px 62px;touch-action:pan-y}
.plot.low{height:120px}
.plot.price{height:300px}
.plot svg{width:100%;height:100%;display:block;overflow:hidden}
.plot>svg{overflow:visible}
.plot span{position:absolute;color:var(--soft);font-size:.75rem;white-space:nowrap}
.plot .y{right:100%;transform:translateY(-50%);padding-right:7px}
.plot .x{top:100%;transform:translateX(-50%);padding-top:4px}
.cross,.chosen{position:absolute;top:0;bottom:0;pointer-events:none}
.cross{width:0;border-left:1px dashed var(--soft)}
.chosen{background:var(--main);opacity:.15}
.grid{stroke:var(--line);stroke-width:1;vector-effect:non-scaling-stroke}
.line{fill:none;stroke-width:1.6;stroke-linejoin:round;vector-effect:non-scaling-stroke}
.area{opacity:.16;stroke:none}
.line.main{stroke:var(--main)}
.area.main{fill:var(--main)}
.line.hold{stroke:var(--hold)}
.line.zero{stroke:var(--soft);stroke-width:1}
.line.net{stroke:var(--median);stroke-width:1.1}
.line.fall{stroke:var(--loss)}
.area.fall{fill:var(--loss)}
.line.median{stroke:var(--median);stroke-dasharray:5 4}
.area.outer,.area.inner{fill:var(--hold);opacity:.22}
rect.gain{fill:var(--gain)}
rect.loss{fill:var(--loss)}
.wick{fill:none;stroke-width:1;vector-effect:non-scaling-stroke}
.body{stroke-width:1;vector-effect:non-scaling-stroke}
.wick.gain,.body.gain,.trip.gain{stroke:var(--gain)}
.wick.loss,.body.loss,.trip.loss{stroke:var(--loss)}
.wick,.body{opacity:.62}
.body.gain{fill:var(--card)}
.body.loss{fill:var(--loss)}
.trip{fill:none;stroke-width:1.6;stroke-dasharray:3 2;vector-effect:non-scaling-stroke}
use{stroke:var(--card);stroke-width:.7;fill:var(--main)}
use.leave{stroke:var(--soft);stroke-width:1.5;fill:none}
svg.marks{position:absolute;width:0;height:0}
.key,.read{font-size:.82rem;color:var(--soft);min-height:1.5em}
.key .entry{margin-right:14px;white-space:nowrap}
.key .when{white-space:nowrap}
.key b,.read b{color:var(--ink);font-weight:600}
.key i{display:inline-block;width:14px;height:3px;margin:0 6px 3px 0;vertical-align:middle}
i.main{background:var(--main)}
i.hold{background:var(--hold)}
i.fall{background:var(--loss)}
i.median,i.net{background:var(--median)}
.key i.outer{background:var(--hold);opacity:.45;height:10px}
.key i.inner{background:var(--hold);height:10px}
.tools{display:flex;flex-wrap:wrap;gap:6px;align-items:center;margin-bottom:8px}
.tools:empty{display:none}
.tools button{font:inherit;font-size:.8rem;min-width:36px;min-height:32px;padding:2px 9px;
  color:var(--ink);background:var(--back);border:1px solid var(--line);border-radius:7px;
  cursor:pointer}
.tools button[aria-pressed=true]{background:var(--main);color:var(--card)}
.tools .window{color:var(--soft);font-size:.8rem;margin-left:4px}
.choice>input{position:absolute;opacity:0;pointer-events:none}
.labels{display:flex;flex-wrap:wrap;gap:6px;margin-bottom:10px}
.labels label{font-size:.82rem;padding:4px 11px;border:1px solid var(--line);border-radius:7px;
  cursor:pointer}
.choice>input:focus-visible~.labels{outline:2px solid var(--main);outline-offset:3px}
.panels>figure{display:none}
.read{min-height:4.4em}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(340px,100%),1fr));gap:0 22px}
.small{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(290px,100%),1fr));
  gap:12px 22px}
.small figcaption{font-size:.82rem}
.small figcaption>b:last-of-type{float:right}
.small figcaption span{display:block;color:var(--soft);clear:both}
.small .plot{height:130px;margin-bottom:8px}
.small .plot .x{display:none}
.bars{margin-bottom:8px}
.bar{display:grid;grid-template-columns:minmax(92px,190px) 1fr minmax(104px,150px);gap:8px;
  align-items:center;padding:3px 0;font-size:.86rem}
.bar .name{overflow-wrap:anywhere}
.bar .track{position:relative;height:15px;background:var(--back);border-radius:3px}
.bar i{position:absolute;top:0;bottom:0;min-width:1px;border-radius:2px;background:var(--main)}
.bar i.gain{background:var(--gain)}
.bar i.loss{background:var(--loss)}
.bar .number{text-align:right;white-space:nowrap}
@media (max-width:620px){
  .plot .spare{display:none}
  .plot{margin-left:50px}
  th,td{padding:5px 6px}
  tr>:first-child{white-space:normal;min-width:108px}
  td small{white-space:normal}
  section{padding:13px 12px}
  .bar{grid-template-columns:minmax(70px,100px) 1fr 108px;font-size:.8rem}
}
"""

_PRINT = """\
@media print{
  body{background:#fff;font-size:11px}
  main{max-width:none;padding:0}
  nav,.tools,.labels{display:none}
  section,figure,.cards{break-inside:avoid}
  section{border-color:#ccc}
  .panels>figure{display:block}
  .scroll{overflow:visible}
  tr>:first-child{position:static}
  .plot i.gain,.bar i,.heat td,.key i{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
"""

# Runs of a comparison: six colours, then the same ones broken.
_RUNS = "".join(
    f".line.r{place}{{stroke:var(--c{place % 6});"
    f"stroke-dasharray:{'none' if place < 6 else '6 4'}}}\n"
    f"i.r{place}{{background:var(--c{place % 6})}}\n"
    for place in range(12)
)

STYLE = _COLOURS + _PAGE + _CHARTS + _RUNS + _PRINT
