/** One model on several devices side by side: which of its engines a request goes to. */
package dev.millrace.engine.replicas;
