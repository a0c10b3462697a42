/** The style sheet of the report. Fonts are those of the machine; colours have a contrast of 4.5 and more for texts. */
export const STYLE = `
:root{--page:#f6f7f9;--card:#fff;--text:#1a1f27;--dim:#566070;--rule:#d9dee5;--grid:#e8ebf0;--gain:#0b7a3e;--loss:#b3261e;--a:#1f5fbf;--b:#b3261e;--c:#6b5bb5;--d:#0b7a3e;--e:#a15c00;--f:#0f7587;--plain:#7b8797;--warn:#fff4d6;--warn-text:#5a4200}
@media (prefers-color-scheme:dark){:root{--page:#11151b;--card:#191f27;--text:#e6eaf0;--dim:#a3adba;--rule:#333c48;--grid:#27303a;--gain:#4fc982;--loss:#ff8a80;--a:#7fb2ff;--b:#ff8a80;--c:#b9a8ff;--d:#4fc982;--e:#f0b35a;--f:#5cc8d8;--plain:#8894a4;--warn:#3a3013;--warn-text:#f5dd9c}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1120px;margin:0 auto;padding:24px 20px 40px}
h1{font-size:28px;line-height:1.2;margin:0}
h2{font-size:20px;line-height:1.3;margin:36px 0 12px}
h3{font-size:15px;margin:0}
p{margin:8px 0}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);margin:0}
.lead{font-size:17px;color:var(--dim);margin:6px 0 14px}
.badge{display:inline-block;border:1px solid var(--rule);border-radius:999px;padding:1px 10px;font-size:13px;color:var(--text);background:var(--card);vertical-align:2px}
code{font:12.5px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;overflow-wrap:anywhere}
.command{user-select:all;-webkit-user-select:all;background:var(--card);border:1px solid var(--rule);border-radius:4px;padding:1px 6px;overflow-wrap:break-word}
.heads{margin:0;font-size:13px;color:var(--dim)}
.heads div{display:flex;gap:10px;margin:2px 0}
.heads dt{flex:0 0 104px}
.heads dd{margin:0;min-width:0;overflow-wrap:anywhere}
.notice{background:var(--warn);color:var(--warn-text);border-radius:6px;padding:8px 12px;margin:12px 0 0}
.notice .command{background:transparent;border-color:currentColor}
.cards{display:grid;grid-template-columns:repeat(4,1fr);gap:12px;margin:24px 0 0}
.cards div,.chart,details,.groups>div{background:var(--card);border:1px solid var(--rule);border-radius:8px}
.cards div{padding:12px 14px}
.cards dt{font-size:13px;color:var(--dim)}
.cards dd{margin:0;font-size:22px;line-height:1.3;font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.cards dd.note{font-size:12.5px;font-weight:400;color:var(--dim)}
.gain{color:var(--gain);fill:var(--gain)}
.loss{color:var(--loss);fill:var(--loss)}
.chart{margin:0 0 12px;padding:12px 14px 8px}
.chart figcaption{display:flex;flex-wrap:wrap;gap:4px 18px;align-items:baseline;margin-bottom:6px}
.legend{display:flex;flex-wrap:wrap;gap:2px 14px;list-style:none;margin:0;padding:0;font-size:13px;color:var(--dim)}
.axes{display:flex}
.axis{flex:none;display:block}
.plot{flex:1 1 auto;width:100%;min-width:0;display:block;overflow:visible}
.axes text{font-size:11px;fill:var(--dim);font-variant-numeric:tabular-nums}
.grid{stroke:var(--grid)}
.base{stroke:var(--dim);stroke-dasharray:3 3}
.separator{stroke:var(--rule);stroke-width:1;vector-effect:non-scaling-stroke}
.line{fill:none;stroke-width:1.5;stroke-linejoin:round;vector-effect:non-scaling-stroke}
.area{fill-opacity:.13}
.line.tone-1{stroke:var(--a)}.area.tone-1{fill:var(--a)}
.line.tone-2{stroke:var(--b)}.area.tone-2{fill:var(--b)}
.line.tone-3{stroke:var(--c);stroke-dasharray:6 2}.area.tone-3{fill:var(--c)}
.line.tone-4{stroke:var(--d);stroke-dasharray:2 2}
.line.tone-5{stroke:var(--e);stroke-dasharray:8 3 2 3}
.line.tone-6{stroke:var(--f);stroke-dasharray:1 3}
.mark-0{fill:var(--loss)}
.mark-1{fill:none;stroke:var(--loss);stroke-width:2}
.mark-2{fill:var(--e)}
.columns{display:grid;grid-template-columns:1fr 1fr;gap:12px 28px;align-items:start}
.columns>*{min-width:0}
.scroll{overflow-x:auto;margin:0 0 16px}
.scroll:focus-visible,summary:focus-visible{outline:2px solid var(--a);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:13.5px}
caption{text-align:left;font-weight:600;padding:0 0 6px}
th,td{padding:4px 8px;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top}
thead th{font-weight:500;color:var(--dim);font-size:12.5px}
tbody th{font-weight:500}
tfoot th{white-space:nowrap}
tfoot th,tfoot td{font-weight:600;border-bottom:0}
.figure{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.time{white-space:nowrap;font-variant-numeric:tabular-nums}
.text{overflow-wrap:anywhere;min-width:220px}
.grave td{font-weight:600;color:var(--loss)}
.bars .bar{width:36%;min-width:70px;padding:7px 4px 0}
.bars .bar svg{display:block;width:100%}
.bars tbody th{min-width:84px}
rect.plain{fill:var(--plain)}
.zero{stroke:var(--dim)}
.trips tbody tr:first-child>*{border-bottom:0}
.commands td{padding-top:0;color:var(--dim);font-size:12.5px}
.commands span{display:inline-block;margin:0 14px 4px 0}
details{padding:8px 14px;margin:0 0 12px}
summary{cursor:pointer;font-weight:600}
details .scroll{margin-top:10px}
.note{font-size:13px;color:var(--dim)}
.groups{display:grid;grid-template-columns:repeat(4,1fr);gap:12px}
.groups>div{padding:10px 14px}
.pairs{margin:6px 0 0;font-size:13.5px}
.pairs div{display:flex;justify-content:space-between;gap:12px}
.pairs dt{color:var(--dim)}
.pairs dd{margin:0;text-align:right;font-variant-numeric:tabular-nums}
footer{border-top:1px solid var(--rule);margin-top:40px}
@media (max-width:820px){.cards,.groups{grid-template-columns:1fr 1fr}.columns{grid-template-columns:1fr}}
@media (max-width:480px){main{padding:16px 12px 32px}h1{font-size:23px}.cards{gap:8px}.cards div{padding:10px}.cards dd{font-size:18px}.groups{grid-template-columns:1fr}.chart{padding:10px 8px 6px}.heads div{display:block}.bars .bar{min-width:48px}th,td{padding:4px 6px}.incidents .time{white-space:normal;min-width:94px}.text{min-width:130px}.commands span{display:block;position:sticky;left:6px;width:fit-content;max-width:calc(100vw - 48px)}}
@media print{.cards{grid-template-columns:repeat(4,1fr)}:root{--page:#fff;--card:#fff;--text:#000;--dim:#444;--rule:#bbb;--grid:#ddd;--gain:#0b7a3e;--loss:#b3261e;--a:#1f5fbf;--b:#b3261e;--c:#6b5bb5;--d:#0b7a3e;--e:#a15c00;--f:#0f7587;--plain:#7b8797;--warn:#fff;--warn-text:#000}main{max-width:none;padding:0}.chart,.cards div,tbody tr,.groups>div{break-inside:avoid}h2,h3,caption{break-after:avoid}.scroll{overflow:visible}.notice{border:1px solid #000}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`;
