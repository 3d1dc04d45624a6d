/**
 * What a completion may be, as masks over a model's tokens: regular expressions, grammars and JSON
 * Schemas become one pushdown automaton over bytes, which a trie of the vocabulary is run through.
 *
 * <p>A {@link dev.millrace.engine.constrain.Grammar} says what is allowed, a
 * {@link dev.millrace.engine.constrain.TokenConstraint} is that for one vocabulary, and a
 * {@link dev.millrace.engine.constrain.ConstraintMatcher} follows one completion.
 */
package dev.millrace.engine.constrain;
