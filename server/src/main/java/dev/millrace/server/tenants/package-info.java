/** Who asks: API keys, what each may do, and how much of it per minute. */
package dev.millrace.server.tenants;
