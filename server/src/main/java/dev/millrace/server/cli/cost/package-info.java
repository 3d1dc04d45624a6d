/** The commands about money: what tokens cost here, and what others charge for them. */
package dev.millrace.server.cli.cost;
