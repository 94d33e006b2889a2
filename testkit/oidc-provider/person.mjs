// Somebody who logs in: opens an address as a browser does, follows where it is sent, fills in every form, and says where it ended.
// node person.mjs ADDRESS NAME [abort]
const [address, name, abort] = process.argv.slice(2);
const cookies = new Map();

async function open(url, form) {
  const headers = { cookie: [...cookies].map(([key, value]) => `${key}=${value}`).join('; ') };
  const response = await fetch(url, { method: form ? 'POST' : 'GET', body: form, headers, redirect: 'manual' });
  for (const cookie of response.headers.getSetCookie()) {
    const [pair] = cookie.split(';');
    const at = pair.indexOf('=');
    cookies.set(pair.slice(0, at), pair.slice(at + 1));
  }
  const to = response.headers.get('location');
  return to ? open(new URL(to, url).href) : { url, status: response.status, text: await response.text() };
}

const attribute = (tag, wanted) => tag.match(new RegExp(`\\b${wanted}="([^"]*)"`, 'i'))?.[1]?.replaceAll('&amp;', '&');

let page = await open(address);
for (let forms = 0; forms < 8; forms += 1) {
  const form = page.text.match(/<form[\s\S]*?<\/form>/i)?.[0];
  if (!form) break;
  const fields = new URLSearchParams();
  for (const [input] of form.matchAll(/<input[^>]*>/gi)) {
    const field = attribute(input, 'name');
    if (field) fields.set(field, attribute(input, 'value') ?? '');
  }
  if (fields.has('login')) fields.set('login', name);
  if (fields.has('password')) fields.set('password', 'anything');
  if (abort && fields.has('confirm')) {
    fields.delete('confirm');
    fields.set('abort', 'yes');
  }
  page = await open(new URL(attribute(form, 'action') ?? page.url, page.url).href, fields);
}
process.stdout.write(`${JSON.stringify({ url: page.url, status: page.status, text: page.text.slice(0, 4000) })}\n`);
