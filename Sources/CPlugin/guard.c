#include "ldm_plugin_guard.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static _Thread_local const char *volatile running, *volatile where;

static void say(const char *text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) return;
}

/// Only what is safe in a handler. SA_RESETHAND gave the signal its old meaning, so the shell sees who died by what.
static void crashed(int number) {
  if (running != NULL) say("ldm: plug-in "), say(running), say(" crashed in "), say(where), say("\n");
  raise(number);
}

/// A stack for the handler, of this thread: a plug-in may have used up the other.
static void stand_by(void) {
  static _Thread_local char memory[1 << 16];
  static _Thread_local int stands;
  if (stands) return;
  stands = 1;
  sigaltstack(&(stack_t){.ss_sp = memory, .ss_size = sizeof memory}, NULL);
}

static void install(void) {
  struct sigaction action = {.sa_handler = crashed, .sa_flags = (int)SA_RESETHAND | SA_ONSTACK};
  const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaction(numbers[i], &action, NULL);
}

void ldm_plugin_guard(const char *name, const char *call) {
  static pthread_once_t installed = PTHREAD_ONCE_INIT;
  pthread_once(&installed, install);
  stand_by();
  where = call;
  running = name;
}
