/** The rules by which tokenizers cut a text into the pieces that they encode. */
package dev.millrace.models.text.split;
