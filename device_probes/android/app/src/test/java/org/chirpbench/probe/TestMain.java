package org.chirpbench.probe;

import org.junit.runner.Description;
import org.junit.runner.JUnitCore;
import org.junit.runner.notification.Failure;
import org.junit.runner.notification.RunListener;

/** {@code TestMain CLASS …}: runs JUnit classes, prints {@code RESULT ok|failed CLASS.METHOD}. */
public final class TestMain {
    private TestMain() {}

    /** Ends with 0 when every test of every class passed. */
    public static void main(String[] names) throws ClassNotFoundException {
        Class<?>[] classes = new Class<?>[names.length];
        for (int i = 0; i < names.length; i++) {
            classes[i] = Class.forName("org.chirpbench.probe." + names[i]);
        }
        JUnitCore core = new JUnitCore();
        core.addListener(new Printer());
        System.exit(core.run(classes).wasSuccessful() ? 0 : 1);
    }

    private static final class Printer extends RunListener {
        private boolean failed;

        @Override
        public void testStarted(Description description) {
            failed = false;
        }

        @Override
        public void testFailure(Failure failure) {
            failed = true;
            System.out.println("TRACE " + failure.getTrimmedTrace().replace("\n", "\nTRACE "));
            if (failure.getDescription().isSuite()) {
                testFinished(failure.getDescription()); // a class that could not begin
            }
        }

        @Override
        public void testFinished(Description description) {
            String name = description.getTestClass().getSimpleName();
            System.out.println(
                    "RESULT "
                            + (failed ? "failed " : "ok ")
                            + name
                            + "."
                            + description.getMethodName());
        }
    }
}
