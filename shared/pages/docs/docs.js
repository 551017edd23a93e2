// Shows the document beside this page, and signs in at the issuer that the document names.
const document_ = new URL('openapi.json', location.href);
const spec = await (await fetch(document_)).json();
const flow = spec.components.securitySchemes.oauth2.flows.authorizationCode;
const issuer = new URL(flow.authorizationUrl);

if (location.hostname === 'localhost' && issuer.hostname === '127.0.0.1') {
	// The same place by a name that no client is registered at.
	location.hostname = issuer.hostname;
} else {
	const ours = issuer.origin === location.origin;
	// Below the issuer's own path where this is the issuer's origin; that is empty nearly always.
	const base = ours ? flow.authorizationUrl.replace(/\/oauth2\/authorize$/, '') : location.origin;
	const page = SwaggerUIBundle({
		url: document_.href,
		domNode: document.querySelector('#docs'),
		deepLinking: true,
		displayRequestDuration: true,
		tryItOutEnabled: true,
		validatorUrl: null,
		oauth2RedirectUrl: `${base}/docs/oauth2-redirect.html`,
	});
	page.initOAuth({
		clientId: ours ? 'imprimatur-pages' : 'imprimatur-resource-pages',
		usePkceWithAuthorizationCodeGrant: true,
		scopes: Object.keys(flow.scopes).filter((scope) => scope !== 'auth:admin'),
	});
}
