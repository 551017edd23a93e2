// Signs somebody in by authorization code and PKCE (RFC 6749 §4.1, RFC 7636). The token is in the memory of this page and
// nowhere else: a new one comes from the browser's session with the issuer, which no script can read.
const PENDING = 'imprimatur-sign-in';
const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

export class Account {
	#server;
	#own;
	#home;
	#scope;
	#token;
	#idToken;
	#expires = 0;

	/** Of the issuer with this metadata (RFC 8414), for a page that is registered at the address `home`. */
	constructor(server, home, scope) {
		this.#server = server;
		this.#own = new URL(server.issuer).origin === location.origin;
		this.#home = home;
		this.#scope = scope;
	}

	get client() {
		return this.#own ? 'imprimatur-pages' : 'imprimatur-resource-pages';
	}

	/** Whether the issuer is at this very origin, so that people manage their account here. */
	get own() {
		return this.#own;
	}

	/** What the token allows. */
	scopes = new Set();

	/** Takes the answer that is in the address, or asks in silence. `false`: somebody has to sign in. */
	async begin() {
		const answer = new URLSearchParams(location.search);
		const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? 'null');
		sessionStorage.removeItem(PENDING);
		if (answer.has('state')) {
			history.replaceState(null, '', location.pathname);
			// Whose answer it is, and to which question (RFC 9207, RFC 9700 §4.7).
			if (pending?.state !== answer.get('state') || answer.get('iss') !== this.#server.issuer) return false;
			return answer.has('code') && this.#redeem(answer.get('code'), pending.verifier);
		}
		return this.#again();
	}

	/** Leaves for the sign-in page. */
	async signIn() {
		const { url, pending } = await this.#request();
		sessionStorage.setItem(PENDING, JSON.stringify(pending));
		location.assign(url);
	}

	/** Ends the session of the browser, and comes back. */
	signOut() {
		const url = new URL(this.#server.end_session_endpoint);
		url.search = new URLSearchParams({
			client_id: this.client, id_token_hint: this.#idToken ?? '', post_logout_redirect_uri: this.#home,
		});
		location.assign(url);
	}

	/** A token that lasts for a moment at least; none: somebody has to sign in again. */
	async token() {
		if (Date.now() > this.#expires - 20_000) await this.#again();
		return this.#token;
	}

	/** A code without a page in between: the browser follows to our own address, where we read it. */
	async #again() {
		this.#token = undefined;
		if (!this.#own) return false;
		const { url, pending } = await this.#request('none');
		const answer = new URL((await fetch(url)).url).searchParams;
		if (answer.get('state') !== pending.state || !answer.has('code')) return false;
		return this.#redeem(answer.get('code'), pending.verifier);
	}

	async #request(prompt) {
		const pending = { state: random(), verifier: random() };
		const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(pending.verifier));
		const url = new URL(this.#server.authorization_endpoint);
		url.search = new URLSearchParams({
			response_type: 'code', client_id: this.client, redirect_uri: this.#home, scope: this.#scope, state: pending.state,
			code_challenge: base64url(digest), code_challenge_method: 'S256', ...(prompt && { prompt }),
		});
		return { url, pending };
	}

	async #redeem(code, verifier) {
		const response = await fetch(this.#server.token_endpoint, {
			method: 'POST',
			body: new URLSearchParams({
				grant_type: 'authorization_code', client_id: this.client, redirect_uri: this.#home, code, code_verifier: verifier,
			}),
		});
		if (!response.ok) return false;
		const tokens = await response.json();
		this.#token = tokens.access_token;
		this.#idToken = tokens.id_token;
		this.#expires = Date.now() + tokens.expires_in * 1000;
		this.scopes = new Set(tokens.scope.split(' '));
		this.name = JSON.parse(decode(tokens.access_token.split('.')[1])).preferred_username;
		return true;
	}
}

const decode = (text) => new TextDecoder().decode(Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0)));
