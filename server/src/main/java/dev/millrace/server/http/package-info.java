/** The front door: listens, guards, and hands requests to the dialects that are spoken here. */
package dev.millrace.server.http;
