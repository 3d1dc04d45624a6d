/** Puts the modules together: a model on a device, and a server around it. */
package dev.millrace.server.wiring;
