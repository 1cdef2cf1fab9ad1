/* placeholder */ extern int sink_placeholder; int sink_placeholder;
