/** The dashboard: what the machine costs, who spends it, and what it would cost elsewhere. */
package dev.millrace.server.dashboard;
