/** Files that clients leave: uploads as a stream, lists, contents. */
package dev.millrace.server.files;
