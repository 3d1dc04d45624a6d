/** Text to token ids and back; knows vocabularies, not the files they come from. */
package dev.millrace.models.text;
