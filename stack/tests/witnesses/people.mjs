// The people in front of the browser: they fill in the pages of the provider, form by form, as a browser would.
//
//     const person = new Person({ username: 'test', password: 'test' });
//     const callback = await person.visit(authorizationUrl, redirectUri);   // a URL with ?code=…

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', '#34': '"', '#38': '&', '#39': "'", '#60': '<', '#62': '>', '#x27': "'" };
const decode = (text) => text.replace(/&(#?\w+);/g, (whole, name) => ENTITIES[name] ?? whole);

/** The attributes of an HTML tag. */
function attributes(tag) {
	const pairs = [...tag.matchAll(/([\w-]+)(?:="([^"]*)")?/g)].slice(1);
	return Object.fromEntries(pairs.map(([, name, value = '']) => [name, decode(value)]));
}

/** The one form of a page: where it goes, what its fields hold, which buttons it has. */
function form(html) {
	const [whole, open] = html.match(/(<form[^>]*>)[^]*?<\/form>/) ?? fail('the page has no form', html);
	const fields = [...whole.matchAll(/<input[^>]*>/g)].map(([tag]) => attributes(tag));
	const buttons = [...whole.matchAll(/<button[^>]*>/g)].map(([tag]) => attributes(tag));
	return { ...attributes(open), fields, buttons };
}

function fail(problem, html) {
	const words = html.replace(/<(style|svg)[^]*?<\/\1>/g, '').replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');
	throw new Error(`${problem}: ${words.slice(0, 500)}`);
}

export class Person {
	#cookies = new Map();
	/** The buttons that were pressed on the way. */
	pressed = [];

	constructor({ username, password, userCode, decision = 'allow' }) {
		this.answers = { username, password, user_code: userCode };
		this.decision = decision;
	}

	/** Follows `url` through all pages, until the provider sends the browser to `target`, or shows a page without a form. */
	async visit(url, target) {
		let request = { url: new URL(url) };
		for (let step = 0; step < 15; step++) {
			const response = await this.#send(request);
			if (response.status >= 300 && response.status < 400) {
				const location = new URL(response.headers.get('location'), request.url);
				if (target && location.href.startsWith(target)) return location;
				request = { url: location };
				continue;
			}
			const html = await response.text();
			if (response.status !== 200) fail(`status ${response.status} at ${request.url.pathname}`, html);
			if (!html.includes('<form')) {
				if (target) fail('the journey ends early', html);
				return html;
			}
			request = this.#fillIn(form(html), request.url, html);
		}
		throw new Error('the pages go round in circles');
	}

	#fillIn({ action, method, fields, buttons }, from, html) {
		if (method !== 'post') fail('the form is not posted', html);
		if (/role="alert"/.test(html)) fail('the page complains', html);
		const body = new URLSearchParams();
		for (const { name, type, value = '' } of fields) {
			body.set(name, type === 'hidden' ? value : (this.answers[name] ?? (value || fail(`what is ${name}?`, html))));
		}
		const named = buttons.filter(({ name }) => name);
		const button = named.find(({ value }) => value === this.decision) ?? named[0];
		if (button) {
			body.set(button.name, button.value);
			this.pressed.push(button.value);
		}
		return { url: new URL(action, from), body, origin: from.origin };
	}

	async #send({ url, body, origin }) {
		const cookie = [...this.#cookies].map((pair) => pair.join('=')).join('; ');
		const headers = { accept: 'text/html', 'accept-language': 'en', cookie };
		if (origin) headers.origin = origin;
		const options = { method: body ? 'POST' : 'GET', body, headers, redirect: 'manual' };
		const response = await fetch(url, options);
		for (const cookie of response.headers.getSetCookie()) {
			const [, name, value, rest] = cookie.match(/^([^=]+)=([^;]*)(.*)$/);
			if (/max-age=0/i.test(rest)) this.#cookies.delete(name);
			else this.#cookies.set(name, value);
		}
		return response;
	}
}
