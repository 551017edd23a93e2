// The pages of the product in Chromium, as people use them. Screenshots go to $OUTPUT.
import { allDocs } from './docs.mjs';
import { end } from './chromium.mjs';

await allDocs();
await end();
console.log('pages: /docs signs in and tries both services, at the gateway and at their own addresses');
