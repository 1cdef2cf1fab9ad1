/* placeholder */ extern int worker_placeholder; int worker_placeholder;
