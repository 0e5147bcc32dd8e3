typedef int hd_nothing;
