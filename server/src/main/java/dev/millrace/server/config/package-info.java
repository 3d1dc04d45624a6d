/** What the user wants: settings from millrace.yaml, the environment and the command line. */
package dev.millrace.server.config;
