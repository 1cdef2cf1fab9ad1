/* placeholder */ extern int command_placeholder; int command_placeholder;
