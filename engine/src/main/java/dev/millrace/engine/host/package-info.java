/** Several models on one device: who has memory, who must go, who waits. */
package dev.millrace.engine.host;
