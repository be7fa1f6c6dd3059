/* Empty: jni.h of a JDK includes stdio.h and needs nothing of it; there is no libc here. */
