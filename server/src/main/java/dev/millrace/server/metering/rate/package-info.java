/**
 * What an hour of the machine costs us: purchase or rent, energy by tariff, hosting, licences and
 * staff, and exact amounts of money.
 */
package dev.millrace.server.metering.rate;
