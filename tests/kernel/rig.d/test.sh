rig_test() { :; }
