/** Pages for people, each of one piece and from the program itself. */
package dev.millrace.server.pages;
