// The server's errors: code and codeName as in its error_codes.yml.

const names = {
  2: "BadValue", 9: "FailedToParse", 13: "Unauthorized", 20: "IllegalOperation", 26: "NamespaceNotFound", 27: "IndexNotFound", 43: "CursorNotFound",
  59: "CommandNotFound", 66: "ImmutableField", 72: "InvalidOptions", 85: "IndexOptionsConflict", 86: "IndexKeySpecsConflict", 91: "ShutdownInProgress",
  112: "WriteConflict", 121: "DocumentValidationFailure", 123: "NotAReplicaSet", 168: "InvalidPipelineOperator", 189: "PrimarySteppedDown", 206: "NoSuchTransactionOld",
  225: "TransactionTooOld", 251: "NoSuchTransaction", 263: "OperationNotSupportedInTransaction", 10107: "NotWritablePrimary", 10334: "BSONObjectTooLarge",
  11000: "DuplicateKey", 11602: "InterruptedDueToReplStateChange", 16500: "RequestRateTooLarge", 40415: "Location40415",
};

export class MongoError extends Error {
  constructor(code, message, details = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }

  reply() {
    return { ok: 0, errmsg: this.message, code: this.code, codeName: names[this.code] ?? `Location${this.code}`, ...this.details };
  }
}
