// Elements without markup in strings: what comes from a service is text, whatever is in it.
import { answer } from './language.js';

/** An element with these properties; those that start with `on` are listeners, those with a dash are attributes. */
export function element(name, properties = {}, ...children) {
	const made = document.createElement(name);
	for (const [key, value] of Object.entries(properties)) {
		if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
		else if (key.includes('-') || key === 'for' || key === 'role') made.setAttribute(key, value);
		else made[key] = value;
	}
	made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
	return made;
}

export const find = (selector) => document.querySelector(selector);

/** Says something to everybody, those who listen included. */
export function say(text, bad = false) {
	const status = find('#status');
	status.textContent = text;
	status.classList.toggle('bad', bad);
}

/** Shows what is wrong with a form: `errors` each at its field, and `words` if they are about none. */
export function complain(form, words = '', errors = []) {
	for (const note of form.querySelectorAll('.wrong')) note.textContent = '';
	for (const input of form.elements) input.removeAttribute?.('aria-invalid');
	for (const { field, message } of errors) {
		const input = form.elements[field];
		const note = form.querySelector(`#${form.id}-${field}-wrong`);
		if (!input || !note) continue;
		note.textContent = answer(message);
		input.setAttribute('aria-invalid', 'true');
		words = '';
	}
	form.querySelector('.alert').textContent = words;
	form.querySelector('[aria-invalid]')?.focus();
}

/** When, as the person reads it. */
export const time = (text) => text ? new Date(text).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }) : '–';
