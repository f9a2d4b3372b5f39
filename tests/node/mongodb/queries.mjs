// The query language: docs reference/operator/query and, under $expr, reference/operator/aggregation. Only the operators below.
import { MongoError } from "./errors.mjs";
import { binaryCollation, compare, hasType, missing, typeOf } from "./values.mjs";

// The values at a path as a query sees them: an array stands for itself and for each of its elements.
export function valuesAt(document, path) {
  const found = [];
  walk(document, path.split("."), 0, found);
  return found.length === 0 ? [missing] : found;
}

function walk(value, parts, index, found) {
  if (index === parts.length) {
    found.push(value);
    if (Array.isArray(value)) found.push(...value);
    return;
  }
  if (Array.isArray(value)) {
    for (const item of value) if (typeOf(item) === "object") walk(item, parts, index, found);
    if (/^\d+$/.test(parts[index]) && Number(parts[index]) < value.length) walk(value[Number(parts[index])], parts, index + 1, found);
    return;
  }
  if (typeOf(value) === "object" && Object.hasOwn(value, parts[index])) walk(value[parts[index]], parts, index + 1, found);
}

const equal = (value, wanted, collation) =>
  typeOf(wanted) === "null" ? value === missing || typeOf(value) === "null" : value !== missing && compare(value, wanted, collation) === 0;

const sameBracket = (value, wanted) => value !== missing && (typeOf(value) === typeOf(wanted) || (hasType(value, "number") && hasType(wanted, "number")));

function test(values, operator, wanted, collation) {
  const ordered = (holds) => values.some((value) => sameBracket(value, wanted) && holds(compare(value, wanted, collation)));
  switch (operator) {
    case "$eq": return values.some((value) => equal(value, wanted, collation));
    case "$ne": return !test(values, "$eq", wanted, collation);
    case "$in": return wanted.some((item) => test(values, "$eq", item, collation));
    case "$nin": return !test(values, "$in", wanted, collation);
    case "$gt": return ordered((difference) => difference > 0);
    case "$gte": return ordered((difference) => difference >= 0);
    case "$lt": return ordered((difference) => difference < 0);
    case "$lte": return ordered((difference) => difference <= 0);
    case "$exists": return (values[0] !== missing) === Boolean(wanted?.valueOf?.() ?? wanted);
    case "$type": return [wanted].flat().some((type) => values.some((value) => value !== missing && hasType(value, type)));
    case "$not": return !Object.entries(wanted).every(([inner, operand]) => test(values, inner, operand, collation));
    default: throw new MongoError(2, `unknown operator: ${operator}`);
  }
}

const isOperators = (condition) => typeOf(condition) === "object" && Object.keys(condition)[0]?.startsWith("$");

export function matches(document, query, collation = binaryCollation) {
  return Object.entries(query).every(([name, condition]) => {
    switch (name) {
      case "$and": return condition.every((part) => matches(document, part, collation));
      case "$or": return condition.some((part) => matches(document, part, collation));
      case "$nor": return !condition.some((part) => matches(document, part, collation));
      case "$expr": return truthy(evaluate(condition, document, collation));
      case "$comment": return true;
    }
    if (name.startsWith("$")) throw new MongoError(2, `unknown top level operator: ${name}`);
    const values = valuesAt(document, name);
    return isOperators(condition)
      ? Object.entries(condition).every(([operator, wanted]) => test(values, operator, wanted, collation))
      : test(values, "$eq", condition, collation);
  });
}

const truthy = (value) => !(value === missing || value === undefined || value === null || value === false || (hasType(value, "number") && Number(value) === 0));

// A path in an expression does not look into arrays' elements by itself: docs core/document (field paths).
function fieldPath(value, parts) {
  for (const part of parts) {
    if (Array.isArray(value)) return value.map((item) => fieldPath(item, [part])).filter((item) => item !== missing);
    value = typeOf(value) === "object" && Object.hasOwn(value, part) ? value[part] : missing;
  }
  return value;
}

export function evaluate(expression, document, collation = binaryCollation) {
  if (typeof expression === "string" && expression.startsWith("$$ROOT")) return fieldPath(document, expression.split(".").slice(1));
  if (typeof expression === "string" && expression.startsWith("$")) return fieldPath(document, expression.slice(1).split("."));
  if (Array.isArray(expression)) return expression.map((item) => evaluate(item, document, collation));
  if (!isOperators(expression)) return expression;
  const [operator, operand] = Object.entries(expression)[0];
  const both = () => compare(...evaluate(operand, document, collation), collation);
  switch (operator) {
    case "$literal": return operand;
    case "$and": return [operand].flat().every((part) => truthy(evaluate(part, document, collation)));
    case "$or": return [operand].flat().some((part) => truthy(evaluate(part, document, collation)));
    case "$not": return !truthy(evaluate([operand].flat()[0], document, collation));
    case "$eq": return both() === 0;
    case "$ne": return both() !== 0;
    case "$gt": return both() > 0;
    case "$lt": return both() < 0;
    case "$type": return typeOf(evaluate(Array.isArray(operand) ? operand[0] : operand, document, collation));
    case "$in": {
      const [value, list] = evaluate(operand, document, collation);
      return list.some((item) => compare(value, item, collation) === 0);
    }
    case "$objectToArray": {
      const from = evaluate(operand, document, collation);
      return Object.entries(from).map(([k, v]) => ({ k, v }));
    }
    case "$size": return evaluate(operand, document, collation).length;
    case "$getField": {
      const field = evaluate(operand.field, document, collation);
      const from = operand.input === undefined ? document : evaluate(operand.input, document, collation);
      return typeOf(from) === "object" && Object.hasOwn(from, field) ? from[field] : missing;
    }
    default: throw new MongoError(168, `Unrecognized expression '${operator}'`);
  }
}
