// Transactions of several documents: docs core/transactions, and the driver specification for transactions (labels).
// A transaction works on a snapshot; who writes a document second gets 112, at the write or at the latest at the commit.
import { MongoError } from "./errors.mjs";
import { keyOf } from "./values.mjs";

const transient = { errorLabels: ["TransientTransactionError"] };
const finishing = ["commitTransaction", "abortTransaction"];

export class Transactions {
  constructor(server) {
    this.server = server;
    this.open = new Map();
    this.committed = new Map();
  }

  // The databases that a command sees: the transaction's snapshot while one of its commands runs.
  get databases() {
    return this.current?.snapshot;
  }

  run(command, execute) {
    if (!this.server.replicaSet) throw new MongoError(20, "Transaction numbers are only allowed on a replica set member or mongos");
    if (this.server.wireVersion < 7) throw new MongoError(40415, "BSON field 'autocommit' is an unknown field.");
    const session = command.lsid.id.toString("hex");
    if (finishing.includes(Object.keys(command)[0])) return execute();
    if (command.startTransaction) this.open.set(session, { number: Number(command.txnNumber), snapshot: this.snapshot(), written: new Map() });
    const transaction = this.open.get(session);
    if (transaction?.number !== Number(command.txnNumber)) {
      throw new MongoError(251, `Given transaction number ${command.txnNumber} does not match any in-progress transactions.`, transient);
    }
    this.current = transaction;
    try {
      const reply = execute();
      if (reply.writeErrors) this.open.delete(session);
      return reply;
    } catch (error) {
      this.open.delete(session);
      throw error;
    } finally {
      this.current = undefined;
    }
  }

  snapshot() {
    return new Map([...this.server.databases].map(([name, collections]) => [name, new Map([...collections].map(([key, collection]) => [key, collection.copy()]))]));
  }

  // Notes a written document with what it was in the snapshot.
  wrote(collection, id, before) {
    const key = `${collection.namespace}\n${keyOf(id)}`;
    if (this.current && !this.current.written.has(key)) this.current.written.set(key, { collection, id: keyOf(id), before });
  }

  commit(command) {
    const session = command.lsid.id.toString("hex");
    const number = Number(command.txnNumber);
    if (this.committed.get(session) === number) return { ok: 1 };
    const transaction = this.open.get(session);
    this.open.delete(session);
    if (transaction?.number !== number) throw new MongoError(251, `Transaction ${number} has been aborted.`, transient);
    const writes = [...transaction.written.values()].map((write) => ({ ...write, live: this.liveOrNew(write.collection), after: write.collection.documents.get(write.id) }));
    if (writes.some((write) => write.live.documents.get(write.id) !== write.before)) throw new MongoError(112, "Write conflict during the transaction.", transient);
    for (const write of writes) if (write.before) write.live.remove(write.before);
    const inserted = [];
    try {
      for (const write of writes) if (write.after) inserted.push([write.live, write.live.insert(write.after)]);
    } catch {
      for (const [live, document] of inserted) live.remove(document);
      for (const write of writes) if (write.before) write.live.insert(write.before);
      throw new MongoError(112, "Write conflict during the transaction.", transient);
    }
    this.committed.set(session, number);
    return { ok: 1 };
  }

  liveOrNew(collection) {
    const dot = collection.namespace.indexOf(".");
    return this.server.collection(collection.namespace.slice(0, dot), collection.namespace.slice(dot + 1), true);
  }

  abort(command) {
    const session = command.lsid.id.toString("hex");
    if (!this.open.delete(session)) throw new MongoError(251, "The transaction is not in progress.", transient);
    return { ok: 1 };
  }
}
