/** Where model files come from and where they lie: pull, verify, list, remove. */
package dev.millrace.models.store;
