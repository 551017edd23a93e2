// Requests with a token, and problems (RFC 9457) as errors.
import { text } from './language.js';

export class Problem extends Error {
	constructor(status, body) {
		super(body.detail ?? body.msg ?? body.error ?? body.title ?? text('status', { status }));
		this.status = status;
		this.code = body.code;
		/** Entries of `{field, message}`, as the service has them. */
		this.errors = body.errors ?? [];
	}
}

/** Sends requests as `account`. */
export const api = (account) => async (path, { method = 'GET', json, headers = {}, signal } = {}) => {
	const token = await account.token();
	const response = await fetch(path, {
		method,
		signal,
		cache: 'no-store',
		headers: {
			...(token && { authorization: `Bearer ${token}` }),
			...(json && { 'content-type': 'application/json' }),
			...headers,
		},
		...(json && { body: JSON.stringify(json) }),
	});
	if (!response.ok) throw new Problem(response.status, await response.json().catch(() => ({})));
	const body = response.status === 204 ? null : await response.json();
	return { body, etag: response.headers.get('etag'), next: next(response.headers.get('link')) };
};

/** The next page (RFC 8288). */
const next = (link) => /<([^>]*)>\s*;\s*rel="next"/.exec(link ?? '')?.[1];
