/**
 * What others charge: dated, sourced prices of hosted models, their history, and which of them a
 * served model compares with.
 */
package dev.millrace.server.metering.prices;
