// The language of a page: the first of the browser's that there is, else English, as on the pages to sign in.
import COMMON from './common-texts.js';
import ANSWERS from './answers.js';

const LANGUAGES = ['en', 'zh'];
const primary = (tag) => tag.split('-')[0].toLowerCase();
const column = Math.max(0, LANGUAGES.indexOf(navigator.languages.map(primary).find((tag) => LANGUAGES.includes(tag))));
const texts = { ...COMMON };

/** The text of this key; what stands in braces is filled in. */
export const text = (key, values = {}) => texts[key][column].replace(/\{(\w+)\}/g, (_, name) => values[name]);

/** Learns the texts of a page, `{key: [English, Chinese]}`, and writes those that its HTML names. */
export function speak(table) {
	Object.assign(texts, table);
	document.documentElement.lang = ['en', 'zh-Hans'][column];
	for (const [attribute, write] of [
		['data-text', (found, words) => { found.textContent = words; }],
		['data-label', (found, words) => found.setAttribute('aria-label', words)],
		['data-placeholder', (found, words) => { found.placeholder = words; }],
	]) {
		for (const found of document.querySelectorAll(`[${attribute}]`)) write(found, text(found.getAttribute(attribute)));
	}
}

/** What a service says of a rule or a problem, in the language of the page where that is known. */
export function answer(words, code) {
	const numbers = words.match(/\d+/g) ?? [];
	const known = column === 1 && (ANSWERS[code] ?? ANSWERS[words.replace(/\d+/g, '#')]);
	return known ? known.replace(/#/g, () => numbers.shift()) : words;
}
