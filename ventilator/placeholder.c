/* placeholder */ extern int ventilator_placeholder; int ventilator_placeholder;
