/** JSON and JSON Schema (draft 2020-12) as grammars. */
package dev.millrace.engine.constrain.schema;
