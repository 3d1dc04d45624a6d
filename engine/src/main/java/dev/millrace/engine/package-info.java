/** Many requests, one loop. Knows neither HTTP nor money. */
package dev.millrace.engine;
