// SPDX-FileCopyrightText: 2026 the authors of pbkfs
// SPDX-License-Identifier: GPL-3.0-or-later
// Judges the reports of prove with the parsers of a browser; tests/e2e/test-prove-report.sh puts
// the files into a page: names[FILE] = base64, and the pages and pictures are loaded before load.
'use strict';
const lines = [];
function check(what, holds, more) {
	lines.push((holds ? 'ok - ' : 'not ok - ') + scheme + what);
	if (!holds && more !== undefined)
		lines.push('#   ' + String(more).replace(/\n/g, ' ').slice(0, 300));
}
const same = (what, a, b) => check(what, JSON.stringify(a) === JSON.stringify(b), JSON.stringify(b));
function text(file) {
	const bytes = Uint8Array.from(atob(files[file]), c => c.charCodeAt(0));
	return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}
// As mkproof has them, the way that a report shows them; \x3c, since this stands in a page.
const hostile = [
	'\x3cscript>alert(1)\x3c/script>', '">\x3cimg src=x onerror=alert(1)>', 'a&amp;b & \'c\' "d" \\ \\n {x="1"}',
	'\\x1b[31mred\\x1b[0m', 'same\\x01', 'same\\x02', 'no utf-8 \\xff\\xfe', 'no utf-8 \\xff\\xfd', '\\xe2\\x80\\xaegpj.exe',
	'\\xef\\xbf\\xbf\\xef\\xbf\\xbe', 'two\\x0alines\\x0d\\x09', ']]>\x3c!--\x3c![CDATA[ -->', '\\x5cxff', '\\xff', '\u05de\u05d9\u05d3\u05e2',
	'\x3c/style>\x3c/title>\x3c/svg>\x3csvg onload=alert(1)>',
];
const real = ['\\x1b[31m \\xff', '">\x3cscript>alert(1)\x3c|script>', 'plain'];
const bad = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/;

function judge_json(file, names) {
	const r = JSON.parse(text(file));
	same(`${file}: the names`, r.proofs.map(p => p.instance), names);
	check(`${file}: what it is`, r.format === 'pbkfs-proof' && r.version === 1 && r.time >= r.began);
}

function judge_xml(file, names) {
	const d = new DOMParser().parseFromString(text(file), 'application/xml');
	check(`${file}: is XML`, !d.querySelector('parsererror'), d.documentElement.textContent);
	same(`${file}: the names`, [...d.querySelectorAll('testsuite')].map(s => s.getAttribute('name').replace(/ [0-9A-Z]*$/, '')), names);
	check(`${file}: no stray elements`, [...d.querySelectorAll('*')].every(
	    e => /^(testsuites|testsuite|properties|property|testcase|failure|error|skipped)$/.test(e.localName)));
}

// The text exposition format, as strictly as a scrape: throws at the first line that is none.
function parse_prom(t) {
	const seen = new Set(), types = new Map(), done = new Set(), samples = [];
	let current = null;
	if (!t.endsWith('\n'))
		throw 'no line feed at the end';
	for (const line of t.slice(0, -1).split('\n')) {
		let m;
		if ((m = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line))) {
			if (m[1] === 'TYPE') {
				if (types.has(m[2]) || !/^(gauge|counter|untyped)$/.test(m[3]))
					throw 'type: ' + line;
				types.set(m[2], m[3]);
			}
			continue;
		}
		if (!(m = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)$/.exec(line)))
			throw 'no sample: ' + line;
		const labels = new Map();
		let rest = m[2] === undefined ? '' : m[2].slice(1, -1);
		while (rest !== '') {
			const l = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/.exec(rest);
			if (!l || labels.has(l[1]))
				throw 'labels: ' + line;
			labels.set(l[1], l[2].replace(/\\(.)/g, (_, c) => c === 'n' ? '\n' : c));
			rest = rest.slice(l[0].length);
		}
		if (!types.has(m[1]) || !/^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)(e[+-]?[0-9]+)?$/i.test(m[3]))
			throw 'type or value: ' + line;
		if (current !== m[1] && done.has(m[1]))
			throw 'not together: ' + line;
		done.add(current = m[1]);
		const series = m[1] + JSON.stringify([...labels].sort());
		if (seen.has(series))
			throw 'twice: ' + line;
		seen.add(series);
		samples.push({ name: m[1], labels });
	}
	return samples;
}

function judge_prom(file, names) {
	let samples = [], why;
	try { samples = parse_prom(text(file)); } catch (e) { why = e; }
	check(`${file}: each line is in the format, and none twice`, why === undefined, why);
	same(`${file}: the names`, samples.filter(s => s.name === 'pbkfs_prove_success').map(s => s.labels.get('instance')), names);
}

// The test of that: what a scrape refuses.
for (const wrong of ['# TYPE a gauge\na{x="1"} 1\na{x="1"} 1\n', '# TYPE a gauge\na{x="\\q"} 1\n', '# TYPE a gauge\na 1', 'a 1\n',
    '# TYPE a gauge\na{x="1} 1\n', '# TYPE a gauge\na x\n']) {
	let refused = false;
	try { parse_prom(wrong); } catch (e) { refused = true; }
	check('no metrics are ' + wrong.replace(/\n/g, ' ').replace(/\\/g, '/'), refused);
}

const seen = e => { const b = e.getBoundingClientRect(); return b.width > 0 && b.height > 0; };
function luminance(color) {
	const [r, g, b] = color.match(/[0-9.]+/g).map(Number).map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
	return .2126 * r + .7152 * g + .0722 * b;
}
function contrast(w, e) {
	let b = e;
	while (w.getComputedStyle(b).backgroundColor === 'rgba(0, 0, 0, 0)')
		b = b.parentElement;
	const [x, y] = [luminance(w.getComputedStyle(e).color), luminance(w.getComputedStyle(b).backgroundColor)].sort();
	return (Math.max(x, y) + .05) / (Math.min(x, y) + .05);
}

// Places of a text that lie on a column or a line, in steps that no column is thinner than.
function covers(text, shapes) {
	const b = text.getBoundingClientRect(), over = [];
	for (const s of shapes) {
		const c = s.getBoundingClientRect();
		if (c.right <= b.left || c.left >= b.right || c.bottom <= b.top || c.top >= b.bottom)
			continue;
		const back = s.getScreenCTM().inverse(), line = s.matches('.age');
		for (let x = b.left + .25; x < b.right; x += .5)
			for (let y = b.top + 2; y < b.bottom - 2; y += 2) {
				const p = new DOMPoint(x, y).matrixTransform(back);
				if (s.localName === 'rect' || (line ? s.isPointInStroke(p) : s.isPointInFill(p)))
					return `"${text.textContent}" on ${s.getAttribute('class')}`;
			}
	}
	return '';
}
// Letters are read where nothing is behind them, nor other letters.
function judge_letters(is, d) {
	const texts = [...d.querySelectorAll('svg[role=img] text')].filter(e => e.textContent.trim() !== '');
	const over = texts.map(t => covers(t, t.closest('svg[role=img]').querySelectorAll('path[class^=s], rect[class^=s], .track, .mark, .age'))).filter(o => o !== '');
	is('no text lies on a column or a line', over.length === 0, over.join(', '));
	const met = [], boxes = texts.map(t => [t, t.getBoundingClientRect()]);
	boxes.forEach(([t, a], i) => boxes.slice(i + 1).forEach(([u, b]) => {
		if (a.left < b.right && b.left < a.right && a.top + 1 < b.bottom && b.top + 1 < a.bottom)
			met.push(`"${t.textContent}" and "${u.textContent}"`);
	}));
	is('no text lies on another', met.length === 0, met.join(', '));
	const out = boxes.filter(([t, b]) => {
		const c = t.closest('section').getBoundingClientRect();
		return b.left < c.left || b.right > c.right || b.top < c.top || b.bottom > c.bottom;
	});
	is('no text is cut', out.length === 0, out.map(([t]) => t.textContent).join(', '));
	const broken = [...d.querySelectorAll('table.steps td:last-child bdi')].filter(e => e.getBoundingClientRect().width < 90 && e.textContent.length > 12);
	is('a remark has room', broken.length === 0, broken.map(e => e.textContent).join(', '));
}
// The test of that: a text on a bar, and two at one place.
for (const [what, more, n] of [['a column', '<path class="s1" d="M0 5h1v10h-1z"/>', 1], ['a text', '<text y="20">other</text>', 1], ['nothing', '', 0]]) {
	const page = new DOMParser().parseFromString(`<section><svg role="img" width="300" height="60">${more}<text y="20">words</text></svg></section>`, 'text/html');
	const section = document.body.appendChild(document.importNode(page.querySelector('section'), true));
	let found = 0;
	judge_letters((_, holds) => { found += !holds; }, { querySelectorAll: s => section.querySelectorAll(s) });
	check('letters on ' + what + ' are found', found === n, found);
	section.remove();
}

function judge_html(frame) {
	const file = frame.dataset.file, d = frame.contentDocument, w = frame.contentWindow;
	const is = (what, holds, more) => check(`${file} at ${frame.width}${frame.dataset.medium}: ${what}`, holds, more);
	const all = [...d.querySelectorAll('*')], pictures = [...d.querySelectorAll('svg[role=img]')];
	judge_letters(is, d);
	is('nothing is wider than the screen', d.scrollingElement.scrollWidth <= d.scrollingElement.clientWidth, d.scrollingElement.scrollWidth);
	is('has the pictures that it should', pictures.length === Number(frame.dataset.pictures), pictures.length);
	if (file.startsWith('few.'))
		return;
	is('has a verdict', d.querySelector('h1') && seen(d.querySelector('h1')) && / (proven|judged)/.test(d.querySelector('h1').textContent));
	is('the title is the verdict', d.title.startsWith(d.querySelector('h1').textContent));
	is('has a table', seen(d.querySelector('table')) && d.querySelectorAll('tbody.backup').length > 0);
	is('each picture is seen, and has a title and a description', pictures.every(p => seen(p) &&
	    p.getAttribute('aria-labelledby').split(' ').every(id => d.getElementById(id).textContent.trim() !== '')));
	is('each picture has bars', pictures.every(p => [...p.querySelectorAll('[class^=s], .mark')].some(seen)));
	is('each result is a word and a symbol', [...d.querySelectorAll('.word')].every(
	    e => e.textContent !== '' && seen(e) && seen(e.querySelector('svg use'))));
	is('no symbol is cut', [...d.querySelectorAll('svg[overflow]')].every(e => w.getComputedStyle(e).overflow === 'visible'));
	is('no element is a stranger', all.every(e => /^(html|head|meta|title|style|body|header|main|section|footer|div|p|h[123]|ul|li|a|bdi|i|span|code|time|table|thead|tbody|tr|th|td|figure|figcaption|details|summary|svg|symbol|use|circle|path|rect|line|text|tspan|g|desc)$/.test(e.localName)),
	    all.map(e => e.localName).join(' '));
	is('no attribute does anything', all.every(e => [...e.attributes].every(a => !/^on|^style$|^src|^data/i.test(a.name) &&
	    (a.name !== 'href' || (a.value[0] === '#' && d.getElementById(a.value.slice(1)))))));
	is('ids are there once', new Set(all.filter(e => e.id).map(e => e.id)).size === all.filter(e => e.id).length);
	is('no character that does something', !bad.test(d.documentElement.textContent));
	is('nothing was fetched', w.performance.getEntriesByType('resource').length === 0);
	const dim = all.filter(e => e.matches('.word, .dim, td, th, h1, summary, figcaption') && contrast(w, e) < 4.5);
	is('letters stand out', dim.length === 0, dim.map(e => e.className + contrast(w, e)).join());
	const script = d.createElement('script');
	script.textContent = 'window.ran = true';
	d.body.appendChild(script);
	is('its policy lets no script run', w.ran === undefined);
	if (frame.dataset.hostile === 'yes')
		same(`${file}: the names`, [...d.querySelectorAll('tbody th[scope=rowgroup] > bdi')].map(e => e.textContent), hostile);
}

function judge_picture(image) {
	const c = document.createElement('canvas'), n = new Map();
	c.width = image.naturalWidth; c.height = image.naturalHeight;
	const g = c.getContext('2d');
	g.drawImage(image, 0, 0);
	const p = g.getImageData(0, 0, c.width, c.height).data;
	let light = 0;
	for (let i = 0; i < p.length; i += 4) {
		const key = p[i] << 16 | p[i + 1] << 8 | p[i + 2];
		n.set(key, (n.get(key) || 0) + 1);
		light += p[i] + p[i + 1] + p[i + 2];
	}
	light /= p.length / 4 * 3;
	const most = Math.max(...n.values()) / (p.length / 4);
	check(`${image.dataset.file}: is not blank`, n.size > 100 && most < .9, `${n.size} colours, ${most} of one`);
	check(`${image.dataset.file}: is ${image.dataset.light}`, image.dataset.light === 'dark' ? light < 80 : light > 200, light);
}

window.onload = () => {
	try {
		if (scheme === '') {
			for (const [kind, names] of [['hostile', hostile], ['real', real]]) {
				judge_json(`${kind}.json`, names);
				judge_xml(`${kind}.xml`, names);
				judge_prom(`${kind}.prom`, names);
			}
			document.querySelectorAll('img').forEach(judge_picture);
		}
		document.querySelectorAll('iframe').forEach(judge_html);
		lines.push('done');
	} catch (e) {
		lines.push('not ok - the judge ended: ' + e + ' ' + e.stack.replace(/\n/g, ' '));
	}
	document.body.innerHTML = '';
	document.body.textContent = '\n' + lines.join('\n') + '\n';
};
