package dev.millrace.server.metering.database;

import org.flywaydb.core.api.logging.Log;
import org.flywaydb.core.api.logging.LogCreator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets Flyway speak up when something is wrong; its progress reports go to the debug level. Flyway
 * creates it by name, so it is public.
 */
public final class FlywayLog implements LogCreator {

    @Override
    public Log createLogger(Class<?> owner) {
        Logger log = LoggerFactory.getLogger(owner);
        return new Log() {
            @Override
            public void debug(String message) {
                log.trace(message);
            }

            @Override
            public void info(String message) {
                log.debug(message);
            }

            @Override
            public void notice(String message) {
                log.debug(message);
            }

            @Override
            public void warn(String message) {
                log.warn(message);
            }

            @Override
            public void error(String message) {
                log.error(message);
            }

            @Override
            public void error(String message, Exception failure) {
                log.error(message, failure);
            }
        };
    }
}
