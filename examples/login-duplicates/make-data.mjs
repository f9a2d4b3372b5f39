// Makes the damaged collection in the database that MONGODB_URI names. Needs: npm install mongodb
import { pbkdf2Sync } from 'node:crypto';
import { MongoClient, ObjectId } from 'mongodb';

const client = new MongoClient(process.env.MONGODB_URI);
const database = client.db();
const id = (number) => new ObjectId(number.toString(16).padStart(24, '0'));
// As Django stores 'correct horse <number>', each account's own password; Django itself takes 600,000 iterations and more.
const hash = (number) => `pbkdf2_sha256$20000$salt${number}$${pbkdf2Sync(`correct horse ${number}`, `salt${number}`, 20000, 32, 'sha256').toString('base64')}`;
const user = (number, username, joined, more = {}) => ({
  _id: id(number), username, email: null, password: hash(number),
  is_superuser: false, is_staff: false, date_joined: new Date(`${joined}-05-01T10:00:00Z`), last_login: null, ...more,
});

await database.dropDatabase();
await database.collection('users').insertMany([
  user(1, 'dobbeltop', 2021, { email: 'dobbeltop@example.org' }),
  user(2, 'Dobbeltop', 2022, { last_login: new Date('2025-01-01T00:00:00Z'), city: 'Nijmegen' }),
  user(3, 'PrintMaster', 2020),
  user(4, 'printmaster', 2019),
  user(5, 'PRINTMASTER', 2023, { is_staff: true }),
  user(6, 'ann', 2021),
  user(7, 'Åse', 2021),
  user(8, 'åse', 2022),
]);
// Case-sensitive: this is why both could sign up.
await database.collection('users').createIndex({ username: 1 }, { unique: true, name: 'username_1' });
await database.collection('models_3d').insertMany([1, 2, 2, 4, 5, 6].map((owner, index) => ({ _id: index, user_id: id(owner), title: `model ${index}` })));
await database.collection('printers').insertMany([2, 3, 8].map((owner, index) => ({ _id: index, user_id: id(owner), name: `printer ${index}` })));
await database.collection('print_jobs').insertMany([1, 2, 3, 4, 5].map((owner, index) => ({ _id: index, user_id: id(owner), copies: index })));
await database.collection('comments').insertMany(['dobbeltop', 'Dobbeltop', 'PRINTMASTER', 'ann'].map((author, index) => ({ _id: index, author_name: author })));
await client.close();
