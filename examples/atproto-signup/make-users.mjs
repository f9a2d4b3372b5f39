// Five sign-ups at Auth0, made through its Management API. For an EMPTY trial tenant. Nobody has verified eve's address yet.
const domain = process.env.AUTH0_DOMAIN;
const tenant = domain.includes('://') ? domain : `https://${domain}`;

async function post(path, body, token) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(`${tenant}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

const { access_token: token } = await post('/oauth/token', {
  grant_type: 'client_credentials',
  client_id: process.env.AUTH0_CLIENT_ID,
  client_secret: process.env.AUTH0_CLIENT_SECRET,
  audience: `${tenant}/api/v2/`,
});
for (const name of ['ann', 'bob', 'cy', 'dora', 'eve']) {
  await post('/api/v2/users', {
    connection: 'Username-Password-Authentication',
    user_id: `of-${name}`,
    email: `${name}@example.org`,
    email_verified: name !== 'eve',
    verify_email: false,
    password: `${name}'s own Password 1`,
  }, token);
}
