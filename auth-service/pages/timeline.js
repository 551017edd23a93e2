// The life of signing keys as a drawing: announced until it signs, signing until the next one does, then retired until gone.
import { text } from './language.js';

const svg = (name, attributes, words) => {
	const made = document.createElementNS('http://www.w3.org/2000/svg', name);
	for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
	if (words !== undefined) made.textContent = words;
	return made;
};
const WIDTH = 600, LEFT = 60, ROW = 24;

/** Draws the keys, of which the last eight are looked at. */
export function timeline(all) {
	const keys = all.slice(-8);
	const now = Date.now();
	const from = Math.min(now - 3600e3, ...keys.map((key) => Date.parse(key.created_at)));
	const last = Math.max(now + 3600e3, ...keys.map((key) => Date.parse(key.signs_from)));
	const to = last + (last - from) * 0.2;
	const x = (at) => LEFT + ((WIDTH - LEFT) * (at - from)) / (to - from);
	const words = keys.map((key) => text('key_is', { number: key.number, state: text(`state_${key.state}`) })).join(', ');
	const height = ROW * keys.length + 24;
	const drawing = svg('svg', { viewBox: `0 0 ${WIDTH} ${height}`, role: 'img', 'aria-label': text('timeline', { words }), id: 'timeline' });
	keys.forEach((key, index) => {
		const y = index * ROW + 4;
		const created = Date.parse(key.created_at);
		// Where there is no key before it, a key signs at once, whatever it was announced for.
		const atOnce = key.number === 1 || (key.state !== 'announced' && Date.parse(key.signs_from) > now);
		const signs = atOnce ? created : Date.parse(key.signs_from);
		const replaced = keys[index + 1] ? Date.parse(keys[index + 1].signs_from) : to;
		const over = key.revoked_at ? Date.parse(key.revoked_at) : key.state === 'gone' ? Math.max(now, replaced) : to;
		drawing.append(svg('text', { x: 0, y: y + 12 }, text('key', key)));
		const bar = (state, begin, end) => end > begin && drawing.append(svg('rect', {
			class: state, x: x(begin), y, width: Math.max(2, x(end) - x(begin)), height: 16, rx: 3,
		}));
		bar('announced', created, Math.min(signs, over));
		bar('signing', signs, Math.min(replaced, over));
		bar(key.state === 'gone' ? 'gone' : 'retired', Math.max(signs, replaced), over);
	});
	drawing.append(svg('line', { x1: x(now), x2: x(now), y1: 0, y2: height - 20, stroke: 'currentColor', 'stroke-dasharray': '3 3' }));
	drawing.append(svg('text', { x: x(now), y: height - 6, 'text-anchor': 'middle' }, text('now')));
	return drawing;
}
