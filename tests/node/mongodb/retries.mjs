// Retryable writes: docs core/retryable-writes, and the driver specification for retryable writes. The session remembers its latest number and what each
// statement under it came to, so that the same command again answers the same and changes nothing. A statement that failed is tried again.
import { MongoError } from "./errors.mjs";

const commands = ["insert", "update", "delete", "findAndModify"];

export class RetryableWrites {
  constructor(server) {
    this.server = server;
    this.latest = new Map();
  }

  run(command, execute) {
    if (!this.server.replicaSet) throw new MongoError(20, "Transaction numbers are only allowed on a replica set member or mongos");
    const name = Object.keys(command)[0];
    if (!commands.includes(name)) {
      throw new MongoError(50768, `txnNumber may only be provided for multi-document transactions and retryable write commands. autocommit:false was not provided, and ${name} is not a retryable write command.`);
    }
    if (command.updates?.some(({ multi }) => multi)) throw new MongoError(72, "Cannot use (or request) retryable writes with multi=true");
    if (command.deletes?.some(({ limit }) => Number(limit) === 0)) throw new MongoError(72, "Cannot use (or request) retryable writes with limit=0");
    this.current = this.at(command.lsid.id.toString("hex"), Number(command.txnNumber));
    this.retried = [];
    this.number = (index) => Number(command.stmtIds?.[index] ?? Number(command.stmtId ?? 0) + index);
    try {
      const reply = execute();
      return this.retried.length === 0 ? reply : { ...reply, retriedStmtIds: this.retried };
    } finally {
      this.current = undefined;
    }
  }

  at(session, number) {
    const last = this.latest.get(session);
    if (last?.number > number) throw new MongoError(225, `Retryable write with txnNumber ${number} is prohibited on session ${session} because a newer retryable write with txnNumber ${last.number} has already started on this session.`);
    if (last?.number !== number) this.latest.set(session, { number, statements: new Map() });
    return this.latest.get(session).statements;
  }

  // What a statement of the command came to: carried out, or as it was when it was.
  once(index, write) {
    if (!this.current) return write();
    const number = this.number(index);
    if (this.current.has(number)) this.retried.push(number);
    else this.current.set(number, write());
    return this.current.get(number);
  }
}
