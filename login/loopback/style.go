package loopback

// pageStyle is the only style there is; the Content-Security-Policy names its
// hash. All text keeps a contrast of at least 4.5 to 1 in both schemes (WCAG
// 2.2, 1.4.3), and nothing moves.
const pageStyle = `
:root{--page:#f4f5f7;--card:#fff;--text:#1c2330;--soft:#59616f;--line:#e1e4ea;--tint:#eef1f6;--ink:#3a5a94}
.good{--tint:#e5f5ea;--ink:#15753a}
.bad{--tint:#fdeceb;--ink:#b3261e}
@media (prefers-color-scheme:dark){
:root{--page:#10141b;--card:#181e28;--text:#e9edf3;--soft:#a3acba;--line:#2a3240;--tint:#222c3d;--ink:#9dbcf5}
.good{--tint:#15301f;--ink:#6bd48f}
.bad{--tint:#3a1c1b;--ink:#ff9d94}
}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100dvh;padding:1.5rem;display:flex;flex-direction:column;align-items:center;justify-content:center;gap:1.25rem;background:var(--page);color:var(--text);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{width:100%;max-width:28rem;padding:2.5rem;background:var(--card);border:1px solid var(--line);border-radius:1rem;box-shadow:0 1px 2px #10182814,0 12px 32px -12px #10182829;text-align:center}
svg{width:4rem;height:4rem;margin-bottom:1.25rem;fill:none;stroke:var(--ink);stroke-width:3;stroke-linecap:round;stroke-linejoin:round}
circle{fill:var(--tint);stroke:none}
h1{margin:0;font-size:1.5rem;line-height:1.25;font-weight:650;letter-spacing:-.01em;text-wrap:balance}
p{margin:.75rem 0 0;color:var(--soft);overflow-wrap:anywhere;text-wrap:balance}
.account{margin-top:.35rem}
strong{color:var(--text);font-weight:600}
.reason{margin-top:1.25rem;padding:.75rem 1rem;background:var(--tint);color:var(--text);border-radius:.6rem;text-align:start;text-wrap:pretty}
.reason+p,.account+p{margin-top:1.25rem}
p+p:last-child{margin-top:.25rem}
footer{color:var(--soft);font-size:.8125rem}
@media (max-width:30rem){main{padding:2.25rem 1.5rem 2rem}}
@media (forced-colors:active){svg{stroke:CanvasText}.reason{border:1px solid}}
`
