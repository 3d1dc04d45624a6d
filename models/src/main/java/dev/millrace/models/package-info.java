/** What a model is: its sizes, its weights by role, its files. Computes nothing. */
package dev.millrace.models;
