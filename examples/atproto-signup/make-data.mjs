// The application's store after these sign-ups failed. For an EMPTY trial database of MongoDB 5 or newer. Needs: npm install mongodb
import { MongoClient } from 'mongodb';

const client = new MongoClient(process.env.MONGODB_URI);
const database = client.db();
const people = ['ann', 'bob', 'cy', 'dora', 'eve'];
const onePerCode = { unique: true, collation: { locale: 'en', strength: 2 } };

await database.dropDatabase();
// Somebody made the index by hand once, under a name of their own.
await database.collection('users').createIndex({ code: 1 }, { ...onePerCode, name: 'one_code' });
// The handles that they chose came through; a PDS takes none as short as cy's.
await database.collection('@handles').insertMany(people.map((name) => ({ sub: `auth0|of-${name}`, handle: name })));

// The application's own webhook: it asks for its index before it writes, and its error is only logged.
for (const name of people) {
  try {
    await database.collection('users').createIndex({ code: 1 }, { ...onePerCode, name: 'code_1' });
    await database.collection('users').insertOne({ _id: `auth0|of-${name}`, email: `${name}@example.org` });
  } catch (error) {
    console.log(`sign-up of ${name} failed: ${error.message}`);
  }
}
await client.close();
