#include "ldm_plugin_guard.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
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

static void install(void) {
  // A stack of its own, for plug-ins that used up the other.
  size_t size = 1 << 16;
  stack_t stack = {.ss_sp = malloc(size), .ss_size = size};
  if (stack.ss_sp != NULL) sigaltstack(&stack, NULL);
  struct sigaction action = {.sa_handler = crashed, .sa_flags = (int)SA_RESETHAND | SA_ONSTACK};
  const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaction(numbers[i], &action, NULL);
}

void ldm_plugin_guard(const char *name, const char *call) {
  static int installed;
  if (!installed) install();
  installed = 1;
  where = call;
  running = name;
}
